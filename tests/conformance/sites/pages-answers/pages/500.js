export default function ServerError() {
  return <p>this server failed</p>;
}
