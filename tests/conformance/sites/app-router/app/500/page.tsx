export default function Page() {
  return <h1>A page about the number 500</h1>;
}
