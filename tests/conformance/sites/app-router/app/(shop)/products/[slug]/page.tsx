import type { Metadata } from "next";
import { notFound } from "next/navigation";

const PRODUCTS: Record<string, string> = { first: "First", "two words": "Two words", größe: "Größe", "a/b": "Slash" };

type Props = { params: Promise<{ slug: string }>; searchParams: Promise<Record<string, string | string[] | undefined>> };

export const generateStaticParams = () => Object.keys(PRODUCTS).slice(0, 3).map((slug) => ({ slug }));

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { slug } = await params;
  return { title: decodeURIComponent(slug), alternates: { canonical: `/products/${slug}` } };
}

export default async function Page({ params }: Props) {
  const { slug } = await params;
  const product = PRODUCTS[decodeURIComponent(slug)];
  if (!product) notFound();
  return (
    <h1>
      {product} ({slug})
    </h1>
  );
}
