export const revalidate = 2;

export default function Page() {
  return <main data-at={Date.now()}>home</main>;
}
