import { mount } from 'svelte';
import { keepNothing } from '../state/storage.ts';
import type { EmbedQuery } from './address.ts';
import Embed from './Embed.svelte';

/** Puts the small page into its place. What is done in a frame changes nothing that the reader has kept on the page itself. */
export function openEmbed(target: Element, query: EmbedQuery): void {
  keepNothing();
  mount(Embed, { target, props: query });
}
