import { useRouter } from "next/router";

export default function Page() {
  const { locale, locales, defaultLocale, asPath } = useRouter();
  return <pre>{JSON.stringify({ page: "about", locale, locales, defaultLocale, asPath })}</pre>;
}
