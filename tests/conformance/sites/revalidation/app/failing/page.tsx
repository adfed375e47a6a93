import { isFailing } from "../clock";

export const revalidate = 1;

export default function Page() {
  if (isFailing()) throw new Error("the page fails");
  return <main data-at={Date.now()}>failing</main>;
}
