import type { ReactElement } from "react";
import type { Account } from "../api/client";
import { Layout } from "../components/Layout";
import { Protected } from "../components/Protected";
import { SectionNav } from "../components/SectionNav";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { ADMIN_SECTIONS, adminPath, type AdminSection } from "../router";
import { Accounts } from "../sections/Accounts";
import { ApiKeys } from "../sections/ApiKeys";
import { ChannelsAndRelays } from "../sections/ChannelsAndRelays";
import { EventLog } from "../sections/EventLog";
import { Health } from "../sections/Health";
import { WebhookDetail } from "../sections/WebhookDetail";
import { Webhooks } from "../sections/Webhooks";

interface AdminPageProps {
  section: AdminSection;
  item: string | null;
}

const TEXT: Record<AdminSection, string> = {
  channels: "Channels",
  accounts: "Accounts",
  keys: "API keys",
  webhooks: "Webhooks",
  health: "Health",
  events: "Events",
};

export function AdminPage({ section, item }: AdminPageProps): ReactElement {
  useDocumentTitle(`${TEXT[section]}: administration`);
  return (
    <Protected roles={["admin"]}>
      {(account) => (
        <Layout isWide>
          <h1 className="page-title">Administration</h1>
          <SectionNav
            label="Administration"
            sections={ADMIN_SECTIONS.map((s) => ({
              href: adminPath(s),
              text: TEXT[s],
              isHere: s === section,
            }))}
          />
          <Section section={section} item={item} account={account} />
        </Layout>
      )}
    </Protected>
  );
}

function Section(props: AdminPageProps & { account: Account }): ReactElement {
  const { section, item, account } = props;
  switch (section) {
    case "channels":
      return <ChannelsAndRelays />;
    case "accounts":
      return <Accounts own={account} />;
    case "keys":
      return <ApiKeys account={account} />;
    case "webhooks":
      return item === null ? (
        <Webhooks basePath={adminPath("webhooks")} />
      ) : (
        <WebhookDetail key={item} webhookId={item} basePath={adminPath("webhooks")} />
      );
    case "health":
      return <Health item={item} />;
    case "events":
      return <EventLog />;
  }
}
