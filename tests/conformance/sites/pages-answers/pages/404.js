export default function NotFound() {
  return <p>this page does not exist</p>;
}
