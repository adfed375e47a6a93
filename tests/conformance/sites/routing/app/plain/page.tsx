export default function Page() {
  return <h1>A page with the name of a folder in public</h1>;
}
