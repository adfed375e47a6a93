export default function Failure() {
  return <h1>The server failed</h1>;
}
