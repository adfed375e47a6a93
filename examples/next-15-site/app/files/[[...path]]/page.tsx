export default async function Files({ params }: { params: Promise<{ path?: string[] }> }) {
  const { path = [] } = await params;
  return <p data-testid="path">{path.length === 0 ? "top" : path.map(decodeURIComponent).join(" > ")}</p>;
}
