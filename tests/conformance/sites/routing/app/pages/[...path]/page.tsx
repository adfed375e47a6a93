type Props = { params: Promise<{ path: string[] }>; searchParams: Promise<Record<string, string | string[] | undefined>> };

export default async function Page({ params, searchParams }: Props) {
  return <pre>{JSON.stringify({ path: (await params).path, query: await searchParams })}</pre>;
}
