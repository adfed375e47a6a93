export default async function Page({ params, searchParams }) {
  return <pre>{JSON.stringify({ params: await params, query: await searchParams })}</pre>;
}
