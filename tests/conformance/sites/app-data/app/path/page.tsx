import { stamp } from "../../lib/stamp";

export const dynamic = "force-static";

export default function Page() {
  return <p>{stamp("path")}</p>;
}
