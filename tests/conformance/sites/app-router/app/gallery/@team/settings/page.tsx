export default function Page() {
  return <p>Team settings</p>;
}
