import { useRouter } from "next/router";

export default function NotFound() {
  return <h1>No such page in {useRouter().locale}</h1>;
}
