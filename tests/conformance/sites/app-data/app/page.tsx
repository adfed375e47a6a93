export const revalidate = 2;

export default function Page() {
  return <p>{new Date().toISOString()}</p>;
}
