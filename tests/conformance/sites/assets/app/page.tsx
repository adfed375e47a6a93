import Image from "next/image";
import Script from "next/script";
import dot from "./dot.png";
import { Vitals } from "./vitals";
import styles from "./page.module.css";

export default function Page() {
  return (
    <main className={styles.main}>
      <Image src={dot} alt="a dot" placeholder="blur" />
      <Image src="/pictures/große Blume.jpg" alt="a flower" width={320} height={200} priority />
      <Script src="https://example.com/analytics.js" strategy="lazyOnload" />
      <Script id="inline" strategy="beforeInteractive">{`window.early = true`}</Script>
      <Vitals />
    </main>
  );
}
