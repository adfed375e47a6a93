export default function Page() {
  return <main>pages: open</main>;
}
