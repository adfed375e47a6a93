export default function Loading() {
  return <p>loading page</p>;
}
