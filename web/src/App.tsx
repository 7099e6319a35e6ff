import { lazy, Suspense, type ReactElement } from "react";
import { Layout } from "./components/Layout";
import { HomePage } from "./pages/HomePage";
import { MissingPage } from "./pages/MissingPage";
import { WatchPage } from "./pages/WatchPage";
import { matchRoute, usePath } from "./router";

/* Buyers are many and sellers few: only sellers load the studio. */
const StudioPage = lazy(async () => ({
  default: (await import("./pages/StudioPage")).StudioPage,
}));

export function App(): ReactElement {
  const route = matchRoute(usePath());
  switch (route.page) {
    case "home":
      return <HomePage />;
    case "watch":
      return <WatchPage key={route.channelId} channelId={route.channelId} />;
    case "studio":
      return (
        <Suspense fallback={<Layout isWide>{null}</Layout>}>
          <StudioPage key={route.channelId} channelId={route.channelId} />
        </Suspense>
      );
    case "missing":
      return <MissingPage sentence="There is no such page." />;
  }
}
