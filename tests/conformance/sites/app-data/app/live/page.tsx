import { unstable_cache } from "next/cache";
import { connection } from "next/server";
import { stamp } from "../../lib/stamp";

const read = unstable_cache(async () => stamp("cached"), ["live"], { tags: ["live"], revalidate: 3600 });

export default async function Page() {
  await connection();
  return <p>{await read()}</p>;
}
