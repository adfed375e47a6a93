export default function Page() {
  return <main>pages: shop</main>;
}
