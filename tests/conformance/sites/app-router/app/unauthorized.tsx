export default function Page() {
  return <h1>unauthorized page</h1>;
}
