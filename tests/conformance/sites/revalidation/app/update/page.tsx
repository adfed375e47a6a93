import { updateTag } from "next/cache";

async function update() {
  "use server";
  updateTag("clock");
}

export default function Page() {
  return (
    <form action={update}>
      <button>update</button>
    </form>
  );
}
