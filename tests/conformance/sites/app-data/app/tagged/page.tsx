import { unstable_cache } from "next/cache";
import { stamp } from "../../lib/stamp";

const read = unstable_cache(async () => stamp("tagged"), ["tagged"], { tags: ["news"] });

export const dynamic = "force-static";

export default async function Page() {
  return <p>{await read()}</p>;
}
