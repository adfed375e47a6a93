import { pause } from "../../clock";

export const revalidate = 1;
export const generateStaticParams = () => [];

export default async function Page() {
  await pause(1500);
  return <main data-at={Date.now()}>slow</main>;
}
