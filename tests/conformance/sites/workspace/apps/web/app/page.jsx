import { label } from "@acme/ui";

export default function Page() {
  return <h1>{label()}</h1>;
}
