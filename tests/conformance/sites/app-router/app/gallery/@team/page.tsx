export default function Page() {
  return <p>Team</p>;
}
