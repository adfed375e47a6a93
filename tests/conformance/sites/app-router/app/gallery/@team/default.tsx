export default function Default() {
  return <p>Team (default)</p>;
}
