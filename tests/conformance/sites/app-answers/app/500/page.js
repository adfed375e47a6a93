export default function Page() {
  return <p>the route called 500</p>;
}
