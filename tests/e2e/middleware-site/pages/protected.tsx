export default function Page() {
  return <main>pages: protected</main>;
}
