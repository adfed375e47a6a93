export default function NotFound() {
  return <p>nothing is here</p>;
}
