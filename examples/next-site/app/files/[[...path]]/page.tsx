/** An optional catch-all route: `/files` and every path below it. */
export default async function FilesPage({ params }: PageProps<"/files/[[...path]]">) {
  const { path = [] } = await params;
  return (
    <>
      <h1>Catch-all</h1>
      <p data-testid="path">{path.length === 0 ? "top" : path.map(decodeURIComponent).join(" > ")}</p>
    </>
  );
}
