import { mount } from 'svelte';
import App from './ui/shell/App.svelte';
import './ui/styles/theme.css';
import './ui/styles/base.css';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no element #app');
mount(App, { target });
