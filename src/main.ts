import { mount } from 'svelte';
import { readEmbed } from './ui/embed/address.ts';
import App from './ui/shell/App.svelte';
import './ui/styles/theme.css';
import './ui/styles/base.css';
import './ui/styles/figures.css';
import './ui/styles/measured.css';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no element #app');
const embed = readEmbed(location.search);
if (embed) void import('./ui/embed/open.ts').then(({ openEmbed }) => openEmbed(target, embed));
else mount(App, { target });
