export default function Page() {
  return <h1>forbidden page</h1>;
}
