export default async function Page({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  return <pre>{JSON.stringify(await searchParams)}</pre>;
}
