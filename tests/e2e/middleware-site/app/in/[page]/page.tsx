const PAGES = ["protected", "session", "experiment-a", "experiment-b", "device-mobile", "device-desktop", "greeting-de",
  "greeting-en", "maintenance", "shop", "stamped", "basic"];

export const dynamicParams = false;
export const generateStaticParams = () => PAGES.map((page) => ({ page }));

export default async function Page({ params }: { params: Promise<{ page: string }> }) {
  return <main>{`app: ${(await params).page}`}</main>;
}
