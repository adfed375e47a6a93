export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <dialog open>Photo {(await params).id} in a modal</dialog>;
}
