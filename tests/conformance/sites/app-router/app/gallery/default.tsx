export default function Default() {
  return <h1>Gallery (default)</h1>;
}
