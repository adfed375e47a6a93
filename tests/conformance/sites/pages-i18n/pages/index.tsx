import Link from "next/link";
import { useRouter } from "next/router";

export default function Page() {
  const { locale, defaultLocale, locales } = useRouter();
  return (
    <>
      <h1>{[locale, defaultLocale, locales?.join("/")].join(" ")}</h1>
      <Link href="/about" locale="de">
        Deutsch
      </Link>
    </>
  );
}
