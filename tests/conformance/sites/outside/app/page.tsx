export default function Page() {
  return <h1>files and servers outside of the site</h1>;
}
