export default function NotFound() {
  return <h1>No such product</h1>;
}
