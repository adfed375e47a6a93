import { notFound } from "next/navigation";

const greetings: Record<string, string> = { en: "Welcome", de: "Willkommen" };

export const generateStaticParams = () => Object.keys(greetings).map((locale) => ({ locale }));

export default async function Welcome({ params }: { params: Promise<{ locale: string }> }) {
  const { locale } = await params;
  if (!(locale in greetings)) notFound();
  return (
    <h1 data-testid="greeting" lang={locale}>
      {greetings[locale]}
    </h1>
  );
}
