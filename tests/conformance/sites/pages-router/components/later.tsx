export default function Later() {
  return <p>loaded later</p>;
}
