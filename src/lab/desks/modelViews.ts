import { HUGGING_FACE, repositoryAddress, type RepositoryAddress } from '../../files/hub/hub.ts';
import type { DownloadProgress } from '../../files/hub/progress.ts';
import type { StoredModel } from '../../files/store/storedModels.ts';
import type { DownloadView, ModelView } from '../door/views.ts';

/** "owner/name@revision" or "owner/name/file.gguf@revision" on a hub. @throws HubError */
export function hubAddress(id: string, hub = HUGGING_FACE): RepositoryAddress {
  const at = id.indexOf('@');
  return at < 0 ? repositoryAddress(id, 'main', hub) : repositoryAddress(id.slice(0, at), id.slice(at + 1), hub);
}

/** How far a download is, as the page is told; whose it is left out. */
export function downloadView({
  state,
  file,
  doneBytes,
  totalBytes,
  bytesPerSecond,
  secondsLeft,
}: DownloadProgress): Omit<DownloadView, 'id'> {
  return { state, file, doneBytes, totalBytes, bytesPerSecond, secondsLeft };
}

/** What is stored, as the page lists it. */
export function storedView({ id, state, bytes, totalBytes, date }: StoredModel): ModelView {
  return {
    id,
    state: state === 'complete' ? 'stored' : 'partial',
    bytes: totalBytes ?? bytes,
    doneBytes: bytes,
    storedAt: date === undefined ? undefined : Date.parse(date),
  };
}
