import type Hls from "hls.js";
import type { Loader, LoaderCallbacks, LoaderConfiguration, PlaylistLoaderContext } from "hls.js";
import { withFirstSegment } from "./firstSegment";

type PlaylistLoader = new (config: Hls["config"]) => Loader<PlaylistLoaderContext>;

/* hls.js's own loader for playlists, with media playlists made playable from their first part on. */
export function playlistLoader(HlsClass: typeof Hls): PlaylistLoader {
  const Base = HlsClass.DefaultConfig.loader as PlaylistLoader;
  return class extends Base {
    override load(
      context: PlaylistLoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<PlaylistLoaderContext>,
    ): void {
      const onSuccess: typeof callbacks.onSuccess = (response, ...rest) => {
        const isMedia = (context.type as string) === "level";
        if (isMedia && typeof response.data === "string") {
          response.data = withFirstSegment(response.data);
        }
        callbacks.onSuccess(response, ...rest);
      };
      super.load(context, config, { ...callbacks, onSuccess });
    }
  };
}
