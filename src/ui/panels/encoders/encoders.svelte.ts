import type {
  EncoderOffer,
  EncoderPoolingView,
  EncoderProgress,
  EncoderSource,
  EncodersView,
} from '../../../lab/door/encoderViews.ts';
import { endsLab } from '../../../lab/door/labError.ts';
import type { LabEvent } from '../../../lab/door/protocol.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';

/** Pretrained encoders as the page knows them: which is open, which are kept, what one would cost. */
export class Encoders {
  /** Undefined until the lab has been asked. */
  view = $state.raw<EncodersView>();
  /** The repository that was looked up last. */
  offer = $state.raw<EncoderOffer>();
  readonly requests: Requests;
  readonly isOpening = $derived.by(() => this.requests.isWaiting('openEncoder'));

  /** @param hub the address of another hub than the usual one; '' for that. */
  constructor(
    session: Session,
    private readonly hub: () => string,
  ) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /** What is under way while one is opened. */
  get progress(): EncoderProgress | undefined {
    return this.requests.progressOf('openEncoder');
  }

  async refresh(): Promise<void> {
    const view = await this.requests.askAnew({ type: 'listEncoders' });
    if (view) this.view = view;
  }

  /** Asks the hub for an encoder's size and licence. */
  async lookUp(id: string): Promise<void> {
    this.offer = undefined;
    const offer = await this.requests.askAnew({ type: 'describeEncoder', id, ...this.where() });
    if (offer) this.offer = offer;
  }

  /** Downloads what was looked up, and opens it. */
  async open({ id }: EncoderOffer, pooling: EncoderPoolingView | undefined): Promise<void> {
    if (await this.take({ from: 'hub', id, ...this.where() }, pooling)) this.offer = undefined;
  }

  openStored(id: string): Promise<boolean> {
    return this.take({ from: 'stored', id });
  }

  openFiles(files: readonly PathFile[]): Promise<boolean> {
    return this.take({ from: 'files', name: '', files });
  }

  /** What has arrived of a download is kept. */
  stop(): void {
    this.requests.stop('openEncoder');
  }

  async close(): Promise<void> {
    await this.requests.ask({ type: 'closeEncoder' });
  }

  async remove(id: string): Promise<void> {
    await this.requests.ask({ type: 'deleteEncoder', id });
  }

  private async take(source: EncoderSource, pooling?: EncoderPoolingView): Promise<boolean> {
    const view = await this.requests.ask({ type: 'openEncoder', source, ...(pooling && { pooling }) });
    return view !== undefined;
  }

  private where(): { readonly hub?: string } {
    const hub = this.hub();
    return hub === '' ? {} : { hub };
  }

  private hear(event: LabEvent): void {
    if (event.type === 'encoders') this.view = event.encoders;
    // The next lab has none open; what is kept it will say when it is asked.
    else if (event.type === 'lost' && endsLab(event.error) && this.view) this.view = { ...this.view, open: undefined };
  }
}
