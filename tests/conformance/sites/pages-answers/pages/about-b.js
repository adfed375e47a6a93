export default function Page() {
  return <p>about-b</p>;
}
