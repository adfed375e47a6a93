export default function Page() {
  return <h1>built with Yarn</h1>;
}
