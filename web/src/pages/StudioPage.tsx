import { ExternalLink } from "lucide-react";
import type { ReactElement } from "react";
import { KeyGate } from "../components/KeyGate";
import { Layout } from "../components/Layout";
import { Studio } from "../components/Studio";
import { StreamPlaceholder } from "../components/StreamPlaceholder";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { useStudioAccess } from "../hooks/useStudioAccess";
import { watchPath } from "../router";
import { MissingPage } from "./MissingPage";

/* The seller's page: preview, go live, health, end. */
export function StudioPage({ channelId }: { channelId: number }): ReactElement {
  const { access, unlock } = useStudioAccess(channelId);
  useDocumentTitle(access.kind === "open" ? `Studio: ${access.studio.title}` : "Studio");

  if (access.kind === "missing") return <MissingPage sentence="There is no such channel." />;
  const watchLink = (
    <a className="button" href={watchPath(channelId)} target="_blank" rel="noopener">
      <ExternalLink aria-hidden="true" />
      Watch page
    </a>
  );
  return (
    <Layout isWide actions={watchLink}>
      {access.kind === "checking" && (
        <div className="stage">
          <StreamPlaceholder kind="busy" title="Opening the studio…" />
        </div>
      )}
      {access.kind === "locked" && (
        <KeyGate error={access.error} isForeign={access.isForeign} onKey={unlock} />
      )}
      {access.kind === "open" && <Studio channelId={channelId} studio={access.studio} />}
    </Layout>
  );
}
