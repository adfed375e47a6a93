/** The commit of this build (see next.config.ts). */
export const release: string = process.env.RELEASE_SHA ?? "unknown";

export function Commit() {
  return (
    <footer>
      Built from <code data-testid="commit">{release}</code>
    </footer>
  );
}
